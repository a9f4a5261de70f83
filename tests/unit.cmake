# Pure modules: tables of cases. Each test includes the .c it tests.
dp_test(unit/test_str.c)
dp_test(unit/test_config.c)
dp_test(unit/test_vault.c)
dp_test(unit/test_password.c)
dp_test(unit/test_sql_split.c)
