"""What text is: normal form, blocks, sentences, words, names, values."""
