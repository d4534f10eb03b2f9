import numpy
from setuptools import setup

setup(name="grid", version="1", py_modules=["grid"], install_requires=["numpy"])
