"""How models learn, where that is not the gradient of a loss alone; imported late, by builders."""
