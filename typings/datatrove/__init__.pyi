# datatrove is not installed where types are checked.
