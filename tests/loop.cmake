# Modules on the loop, against scripted peers.
