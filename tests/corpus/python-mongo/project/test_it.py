import pymongo


def test_it():
    pymongo.MongoClient(serverSelectionTimeoutMS=500).admin.command('ping')
