from setuptools import setup

setup(name="grid", version="1", py_modules=["grid"], long_description=open("README.rst").read())
