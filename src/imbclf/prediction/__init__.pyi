from .decision_rule import DecisionRule as DecisionRule, decision_rule as decision_rule
from .image_service import ImageService as ImageService
from .predictions import Predictions as Predictions
from .predictor import Predictor as Predictor
from .scoring import score_images as score_images
