"""Where does a signing key live? A table of URI schemes, one provider a file."""
