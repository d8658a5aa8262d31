"""What is the log saying about us?"""
