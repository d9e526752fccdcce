"""Names for codes: of the registry (GB/T 4754, GB/T 2260, sizes), and of the catalogue (metrics, events)."""

from __future__ import annotations

from collections.abc import Mapping

#: First letter of an industry code: Chinese, English.
INDUSTRIES: dict[str, tuple[str, str]] = {
    "A": ("农、林、牧、渔业", "Agriculture, forestry, fishing"),
    "B": ("采矿业", "Mining"),
    "C": ("制造业", "Manufacturing"),
    "D": ("电力、热力、燃气及水", "Electricity, heat, gas, water"),
    "E": ("建筑业", "Construction"),
    "F": ("批发和零售业", "Wholesale and retail"),
    "G": ("交通运输、仓储和邮政", "Transport, storage, post"),
    "H": ("住宿和餐饮业", "Hotels and restaurants"),
    "I": ("信息传输、软件", "Information and software"),
    "J": ("金融业", "Finance"),
    "K": ("房地产业", "Real estate"),
    "L": ("租赁和商务服务业", "Leasing and business services"),
    "M": ("科学研究和技术服务", "Science and technical services"),
    "N": ("水利、环境和公共设施", "Water, environment, public facilities"),
    "O": ("居民服务、修理", "Resident services and repair"),
    "P": ("教育", "Education"),
    "Q": ("卫生和社会工作", "Health and social work"),
    "R": ("文化、体育和娱乐业", "Culture, sports, entertainment"),
    "S": ("公共管理和社会组织", "Public administration"),
    "T": ("国际组织", "International organisations"),
}

#: First two digits of a region code: Chinese, English.
PROVINCES: dict[str, tuple[str, str]] = {
    "11": ("北京", "Beijing"),
    "12": ("天津", "Tianjin"),
    "13": ("河北", "Hebei"),
    "14": ("山西", "Shanxi"),
    "15": ("内蒙古", "Inner Mongolia"),
    "21": ("辽宁", "Liaoning"),
    "22": ("吉林", "Jilin"),
    "23": ("黑龙江", "Heilongjiang"),
    "31": ("上海", "Shanghai"),
    "32": ("江苏", "Jiangsu"),
    "33": ("浙江", "Zhejiang"),
    "34": ("安徽", "Anhui"),
    "35": ("福建", "Fujian"),
    "36": ("江西", "Jiangxi"),
    "37": ("山东", "Shandong"),
    "41": ("河南", "Henan"),
    "42": ("湖北", "Hubei"),
    "43": ("湖南", "Hunan"),
    "44": ("广东", "Guangdong"),
    "45": ("广西", "Guangxi"),
    "46": ("海南", "Hainan"),
    "50": ("重庆", "Chongqing"),
    "51": ("四川", "Sichuan"),
    "52": ("贵州", "Guizhou"),
    "53": ("云南", "Yunnan"),
    "54": ("西藏", "Tibet"),
    "61": ("陕西", "Shaanxi"),
    "62": ("甘肃", "Gansu"),
    "63": ("青海", "Qinghai"),
    "64": ("宁夏", "Ningxia"),
    "65": ("新疆", "Xinjiang"),
    "71": ("台湾", "Taiwan"),
    "81": ("香港", "Hong Kong"),
    "82": ("澳门", "Macao"),
}

SIZES: dict[str, tuple[str, str]] = {
    "large": ("大型", "large"),
    "medium": ("中型", "medium"),
    "small": ("小型", "small"),
    "micro": ("微型", "micro"),
}

#: Metrics of the catalogue: Chinese, English.
METRICS: Mapping[str, tuple[str, str]] = {
    "daily_kwh": ("日用电量", "Daily electricity use"),
    "kwh_15min": ("15 分钟用电量", "Electricity use in 15 minutes"),
    "meter_status": ("电表状态", "Meter status"),
    "vat_sales": ("增值税申报销售额", "Declared VAT sales"),
    "vat_payable": ("应纳增值税额", "VAT payable"),
    "invoices_issued": ("开具发票数", "Invoices issued"),
    "invoices_voided": ("作废发票数", "Invoices voided"),
    "invoices_red": ("红字发票数", "Red-letter invoices"),
    "top_buyer_sales": ("最大客户销售额", "Sales to the largest buyer"),
    "tax_notice": ("税务公告", "Tax notice"),
    "credit_grade": ("纳税信用等级", "Tax credit grade"),
    "insured_headcount": ("参保人数", "Insured headcount"),
    "contribution_base": ("缴费基数", "Contribution base"),
    "contribution_owed": ("社保欠费", "Contributions owed"),
    "case": ("司法案件", "Court case"),
    "related_party": ("关联方状态", "Related party"),
    "news": ("新闻舆情", "News item"),
}

#: Entries of the payloads of events.
FACTS: Mapping[str, tuple[str, str]] = {
    "amount": ("金额", "Amount"),
    "authority": ("机关", "Authority"),
    "case_no": ("案号", "Case"),
    "cause": ("案由", "Cause"),
    "court": ("法院", "Court"),
    "grade": ("等级", "Grade"),
    "kind": ("类型", "Kind"),
    "outlet": ("媒体", "Outlet"),
    "party": ("关联方", "Party"),
    "relation": ("关系", "Relation"),
    "role": ("身份", "Role"),
    "status": ("状态", "Status"),
    "title": ("标题", "Title"),
    "year": ("年度", "Year"),
}

#: By metric: what the catalogue lets its events say. Grades are letters in both languages.
WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "meter_status": {
        "offline": ("离线", "offline"),
        "online": ("在线", "online"),
        "outage": ("停电", "outage"),
        "planned_outage": ("计划停电", "planned outage"),
        "restored": ("恢复供电", "supply restored"),
        "arrears": ("欠费", "in arrears"),
        "paid": ("已缴清", "paid"),
        "closed": ("销户", "account closed"),
        "suspended": ("暂停用电", "suspended"),
        "resumed": ("恢复用电", "resumed"),
        "capacity_reduced": ("减容", "capacity reduced"),
    },
    "tax_notice": {
        "arrears": ("欠税公告", "arrears"),
        "arrears_paid": ("欠税已缴清", "arrears paid"),
        "abnormal_household": ("非正常户认定", "abnormal household"),
        "abnormal_lifted": ("解除非正常户", "no longer an abnormal household"),
    },
    "case": {
        "bankruptcy": ("破产", "bankruptcy"),
        "dishonest": ("失信被执行人", "dishonest debtor"),
        "consumption_ban": ("限制消费", "consumption ban"),
        "terminated_execution": ("终结本次执行", "execution terminated"),
        "enforcement": ("被执行", "enforcement"),
        "equity_freeze": ("股权冻结", "equity freeze"),
        "filing": ("立案", "filing"),
        "hearing": ("开庭", "hearing"),
        "judgment": ("判决", "judgment"),
        "defendant": ("被告", "defendant"),
        "plaintiff": ("原告", "plaintiff"),
        "third_party": ("第三人", "third party"),
        "open": ("未结", "open"),
        "closed": ("已结", "closed"),
    },
    "related_party": {
        "investor": ("股东", "investor"),
        "investee": ("被投资企业", "investee"),
        "left": ("已退出市场", "left the market"),
        "active": ("存续", "active"),
    },
}
