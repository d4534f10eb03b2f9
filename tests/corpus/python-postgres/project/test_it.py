import psycopg2


def test_it():
    psycopg2.connect('postgresql://postgres@localhost/test')
