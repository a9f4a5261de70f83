# Modules on the loop, against scripted peers.
dp_test(loop/test_journal.c dp_journal)
dp_test(loop/test_journal_damage.c dp_journal)
dp_test(loop/test_hash_pool.c dp_journal)

# Private servers and misbehaving peers for the tests of the stores.
add_library(dp_loop_peers STATIC loop/private_server.c loop/fault_proxy.c)
target_include_directories(dp_loop_peers PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(dp_loop_peers PUBLIC dp_flags PkgConfig::MARIADB PkgConfig::HIREDIS Threads::Threads)

dp_test(loop/test_done_queue.c dp_stores)
dp_test(loop/test_db_pool.c dp_stores dp_loop_peers)
dp_test(loop/test_db_pool_faults.c dp_stores dp_loop_peers)
dp_test(loop/test_redis_adapter.c dp_stores dp_loop_peers)
dp_test(loop/test_redis_client.c dp_stores dp_loop_peers)
dp_test(loop/test_event_queue.c dp_stores dp_loop_peers)
dp_test(loop/test_session.c dp_stores dp_loop_peers)
dp_test(loop/test_conn.c dp_wire)
dp_test(loop/test_listener.c dp_wire)
dp_test(loop/test_response.c dp_wire)

dp_test(loop/test_worker_apply.c dp_worker_core dp_loop_peers)
add_library(dp_smtp_peer STATIC loop/smtp_peer.c)
target_include_directories(dp_smtp_peer PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(dp_smtp_peer PUBLIC dp_flags PkgConfig::SSL PkgConfig::CRYPTO Threads::Threads)
dp_test(loop/test_smtp.c dp_worker_core dp_smtp_peer)
dp_test(loop/test_stream.c dp_worker_core dp_loop_peers)
dp_test(loop/test_mailer.c dp_worker_core dp_loop_peers dp_smtp_peer)
