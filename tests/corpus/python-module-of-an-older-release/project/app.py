import openai
import openai.error


def is_slow(error):
    return isinstance(error, openai.error.Timeout)
