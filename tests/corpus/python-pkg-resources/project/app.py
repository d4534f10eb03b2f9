import pkg_resources


def version(name):
    return pkg_resources.get_distribution(name).version
