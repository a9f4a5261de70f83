# Pure modules: tables of cases. Each test includes the .c it tests.
dp_test(unit/test_str.c)
dp_test(unit/test_mail_address.c)
dp_test(unit/test_money.c)
dp_test(unit/test_payment_state.c)
dp_test(unit/test_event.c)
