class Order:
    def __init__(self, quantity):
        assert quantity > 0, "no quantity"
