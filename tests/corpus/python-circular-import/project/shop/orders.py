from shop.users import User


class Order:
    owner = User
