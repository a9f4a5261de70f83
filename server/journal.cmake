# The journal of bank calls, and what else the bank's path and the logins keep in this process's memory.
add_library(dp_journal STATIC
    hash_pool.c
    journal.c
    journal_append.c
    journal_backlog.c
    journal_index.c
    journal_segment.c
    journal_writer.c
    rate_limit.c
    seen_calls.c
)
target_link_libraries(dp_journal PUBLIC dp_common PkgConfig::UV Threads::Threads)
