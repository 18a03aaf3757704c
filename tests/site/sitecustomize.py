"""Python loads this at its start where the folder is on PYTHONPATH: servers under test get the torchvision shim."""

from torchvision_shim import install

install()
