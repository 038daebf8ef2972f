"""Enrolment: making a person known by pictures, one at a time or a folder of people at once."""
