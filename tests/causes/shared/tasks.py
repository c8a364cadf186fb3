import tranship

ns = tranship.namespace()
