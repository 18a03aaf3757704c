"""The tools of Hi Robot: a dataset goes in; its atomic skills, and dialogues that lead to each, come out."""
