"""The memorisation audit: would copies of training images be found among the synthetic ones, and are there any?"""
