class Box[T]:
    def __init__(self, thing: T) -> None:
        self.thing = thing


type Boxes = list[Box[int]]
