"""The store of answers: a judge's raw answers by content, kept between runs."""
