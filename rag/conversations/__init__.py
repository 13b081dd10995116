"""Conversations: questions and their answers, kept in a small SQLite file of their own."""

from rag.conversations.store import Conversations as Conversations
from rag.conversations.store import Turn as Turn
from rag.conversations.store import wipe_removed as wipe_removed
