"""The composition root: argv, environment, files, clock and HTTP policy are wired here and only here."""
