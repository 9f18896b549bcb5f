"""What leaves the screens: sheets of paper as PDF, and a picture for a group. Typeset by typst with our own font."""
