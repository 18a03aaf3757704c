"""What English says about tasks: texts go in; verbs, objects, places and equal wordings come out."""
