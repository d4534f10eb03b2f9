import pymysql


def test_it():
    pymysql.connect(host='localhost', user='root')
