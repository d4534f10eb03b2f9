from werkzeug.urls import url_quote


def link(name):
    return "/" + url_quote(name)
