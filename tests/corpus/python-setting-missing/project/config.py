import os

API_TOKEN = os.environ['API_TOKEN']
