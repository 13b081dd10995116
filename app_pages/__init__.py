"""The pages of the app and what they share; only these modules and `app.py` import streamlit."""
