"""What is paid per token: prompts and their growth, few-shot examples, reasoning, and output that was of use.

Imports `figures`.
"""
