# Modules on the loop, against scripted peers.
dp_test(loop/test_conn.c dp_wire)
