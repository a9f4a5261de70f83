# The journal of bank calls, and what else the bank's path and the logins need that is neither wire nor a store's client.
add_library(dp_journal STATIC
    journal.c
    journal_append.c
    journal_index.c
    journal_segment.c
    journal_writer.c
)
target_link_libraries(dp_journal PUBLIC dp_common PkgConfig::UV Threads::Threads)
