# Modules on the loop, against scripted peers.
dp_test(loop/test_conn.c dp_wire)
dp_test(loop/test_listener.c dp_wire)
dp_test(loop/test_response.c dp_wire)
