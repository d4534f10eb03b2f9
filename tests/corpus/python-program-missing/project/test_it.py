import subprocess


def test_it():
    subprocess.run(['dot', '-V'], check=True)
