{ "targets": [{ "target_name": "a", "sources": ["a.c"] }] }
