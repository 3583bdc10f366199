"""What a study leaves behind for use: the balanced data set as a folder, and the generator as a file."""
