from shop.orders import Order


class User:
    orders = [Order]
