# Pure modules: tables of cases. Each test includes the .c it tests.
dp_test(unit/test_str.c)
dp_test(unit/test_head_scan.c)
dp_test(unit/test_http_parser.c dp_wire)
dp_test(unit/test_form.c)
dp_test(unit/test_router.c)
dp_test(unit/test_request.c dp_wire)
dp_test(unit/test_client_address.c dp_wire)
