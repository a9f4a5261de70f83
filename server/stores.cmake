# The stores floor of dp-server: MariaDB, Redis and sessions on the loop; knows no HTTP.
add_library(dp_stores STATIC
    db_bind.c
    db_call.c
    db_conn.c
    db_exec.c
    db_pool.c
    done_queue.c
    event_queue.c
    login_guard.c
    redis_adapter.c
    redis_client.c
    redis_command.c
    session.c
    shared_rate.c
    watch.c
)
target_link_libraries(dp_stores PUBLIC dp_common dp_flags PkgConfig::UV PkgConfig::HIREDIS PkgConfig::MARIADB)
