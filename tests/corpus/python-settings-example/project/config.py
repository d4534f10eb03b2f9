from decouple import config

PAGE_SIZE = config('PAGE_SIZE', cast=int)
