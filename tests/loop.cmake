# Modules on the loop, against scripted peers.
dp_test(loop/test_journal.c dp_journal)
