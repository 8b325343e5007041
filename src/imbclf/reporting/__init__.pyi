from .comparison_report import write_comparison as write_comparison
from .exploration_report import exploration_page as exploration_page
from .html_page import Page as Page
