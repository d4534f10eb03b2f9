import subprocess

from setuptools import setup

subprocess.check_call(["cmake", "--version"])
setup(name="fast", version="1", py_modules=["fast"])
