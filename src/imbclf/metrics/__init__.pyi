from .bounded_thresholds import (
    ScoredImages as ScoredImages,
    highest_threshold as highest_threshold,
    images_needed as images_needed,
    lowest_threshold as lowest_threshold,
    most_sensitive_precise as most_sensitive_precise,
    rate_bound as rate_bound,
)
from .calibration import (
    fit_platt as fit_platt,
    fit_temperature as fit_temperature,
    shift_prior as shift_prior,
)
from .clustered_intervals import (
    clustered_hter_interval as clustered_hter_interval,
    clustered_rate_interval as clustered_rate_interval,
    effective_images as effective_images,
)
from .conformal import (
    conformal_p_values as conformal_p_values,
    conformal_thresholds as conformal_thresholds,
)
from .ensemble_calibration import (
    models_correlation as models_correlation,
    sharpening as sharpening,
)
from .error_rates import (
    ErrorCurve as ErrorCurve,
    binary_report as binary_report,
    decide as decide,
    equal_error_rate as equal_error_rate,
    error_curve as error_curve,
    error_rates as error_rates,
    hter as hter,
)
from .expected_performance import expected_performance as expected_performance
from .homogeneity import homogeneity_p as homogeneity_p
from .hter_metric import HTER as HTER
from .intervals import (
    bootstrap_hter_interval as bootstrap_hter_interval,
    hter_interval as hter_interval,
    wilson_interval as wilson_interval,
)
from .label_issues import (
    expected_label_issues as expected_label_issues,
    find_label_issues as find_label_issues,
)
from .mean_curve import mean_curve as mean_curve
from .net_benefit import net_benefit as net_benefit, net_benefit_of_all as net_benefit_of_all
from .operating_points import (
    threshold_for_cost as threshold_for_cost,
    threshold_for_far as threshold_for_far,
    threshold_for_frr as threshold_for_frr,
)
from .power import detectable_difference as detectable_difference
from .power_law import PowerLaw as PowerLaw, fit_power_law as fit_power_law
from .prior_shift import estimate_share as estimate_share
from .ranking import (
    mean_auroc as mean_auroc,
    mean_average_precision as mean_average_precision,
    mean_over_models as mean_over_models,
    rank_by_models as rank_by_models,
)
from .reliability import (
    brier_score as brier_score,
    calibration_error as calibration_error,
    reliability_diagram as reliability_diagram,
)
from .replicates import compare_replicates as compare_replicates
from .risk_coverage import (
    RiskCoverage as RiskCoverage,
    risk_coverage as risk_coverage,
)
from .significance import (
    corrected_resampled_t as corrected_resampled_t,
    holm as holm,
    paired_hter_test as paired_hter_test,
)
from .threshold_transfer import carried_threshold as carried_threshold
from .thresholds import (
    bayes_threshold as bayes_threshold,
    choose_threshold as choose_threshold,
    min_hter_threshold as min_hter_threshold,
    smoothed_min_hter_threshold as smoothed_min_hter_threshold,
)
from .training_chance import (
    deviation_between_folds as deviation_between_folds,
    deviation_between_repeats as deviation_between_repeats,
)
