# Pure modules: tables of cases. Each test includes the .c it tests.
dp_test(unit/test_str.c)
dp_test(unit/test_config.c)
dp_test(unit/test_vault.c)
dp_test(unit/test_password.c)
dp_test(unit/test_sql_split.c)
dp_test(unit/test_template_compiler.c dp_template_language)
target_compile_definitions(test_template_compiler PRIVATE DP_TEST_CC="${CMAKE_C_COMPILER}")
file(GLOB golden_templates RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
    ${CMAKE_CURRENT_LIST_DIR}/unit/golden/pages/*.html
    ${CMAKE_CURRENT_LIST_DIR}/unit/golden/mail/*)
dp_compile_templates(${CMAKE_CURRENT_BINARY_DIR}/golden_templates
    tests/unit/golden/views.h tests/unit/golden/assets ${golden_templates})
dp_embed_assets(${CMAKE_CURRENT_BINARY_DIR}/golden_assets.c tests/unit/golden/assets)
dp_test(unit/test_template_golden.c dp_template_language)
target_sources(test_template_golden PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/golden_templates.c
    ${CMAKE_CURRENT_BINARY_DIR}/golden_templates.h ${CMAKE_CURRENT_BINARY_DIR}/golden_assets.c)
target_include_directories(test_template_golden PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
add_test(NAME unit/test_template_tools
    COMMAND sh tests/unit/test_template_tools.sh $<TARGET_FILE:dp-template-compiler> $<TARGET_FILE:dp-embed-assets>
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
dp_test(unit/test_pages.c dp_templates)
dp_test(unit/test_mails.c dp_templates)
dp_test(unit/test_journal_record.c)
dp_test(unit/test_mail_address.c)
dp_test(unit/test_money.c)
dp_test(unit/test_payment_state.c)
dp_test(unit/test_event.c)
dp_test(unit/test_spplus.c)
dp_test(unit/test_spplus_judge.c)
dp_test(unit/test_digest.c)
dp_test(unit/test_log.c)
