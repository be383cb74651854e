-- the headline of each ad and day as the ad bridge takes it apart; in rows without an ad what exists only higher up
{{ headline_parts(ad_key()) }}
