# lerobot is not installed where types are checked; here it is Any.
