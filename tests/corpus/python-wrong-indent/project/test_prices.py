import unittest

from prices import gross


class Prices(unittest.TestCase):
    def test_gross(self):
        self.assertEqual(gross(100), 119)
